CREATE TABLE IF NOT EXISTS products (
    sku   text PRIMARY KEY,
    name  text NOT NULL,
    cents integer NOT NULL CHECK (cents >= 0)
);
