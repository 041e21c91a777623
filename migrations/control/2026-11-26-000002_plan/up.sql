-- What tenants of a kind are given: so far, how long their event logs are kept. A tenant without a plan keeps its log for ever.
CREATE TABLE plan (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' AND length(name) <= 40),
    -- NULL: for ever.
    event_retention_days integer CHECK (event_retention_days > 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE tenant ADD COLUMN plan text REFERENCES plan;
