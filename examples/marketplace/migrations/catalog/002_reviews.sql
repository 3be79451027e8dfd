CREATE TABLE IF NOT EXISTS review (
    sku   text NOT NULL REFERENCES product (sku),
    stars integer NOT NULL CHECK (stars BETWEEN 1 AND 5),
    said  text NOT NULL
);
