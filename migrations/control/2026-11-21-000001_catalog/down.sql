DROP TABLE audit, operation_step, operation, tenant_schema, schema_release, quota, tenant_key, credential, placement, tenant_name, tenant, server;
DROP FUNCTION keep_audit, keep_schema_release, raise_tenant_epoch, keep_released_name, keep_tombstone, count_tenant_version;
