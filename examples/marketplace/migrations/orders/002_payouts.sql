CREATE TABLE IF NOT EXISTS payout (
    id      bigint PRIMARY KEY,
    seller  varchar(100) NOT NULL,
    cents   integer NOT NULL
);
