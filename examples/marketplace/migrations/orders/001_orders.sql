CREATE TABLE IF NOT EXISTS purchase (
    id     bigint PRIMARY KEY,
    buyer  varchar(100) NOT NULL,
    cents  integer NOT NULL,
    state  varchar(20) NOT NULL
);
