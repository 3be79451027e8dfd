CREATE TABLE IF NOT EXISTS product (
    sku    text PRIMARY KEY,
    name   text NOT NULL,
    seller text NOT NULL
);
