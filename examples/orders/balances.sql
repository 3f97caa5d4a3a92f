create table balances (customer text primary key, cents integer not null) without rowid;
