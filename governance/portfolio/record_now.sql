record AS NOT MATERIALIZED (
  SELECT m.*, false AS untold FROM registry_registeredmodel m
)
