from fiberledger import jobs
from fiberledger.tenancy import tenant_scope

from . import services


@jobs.task("files.sweep")
def sweep(tenant_id: int) -> None:
    """Remove a tenant's bytes that no row names."""
    with tenant_scope(tenant_id):
        services.sweep()


@jobs.periodic("40 3 * * *", "files.sweep_all")
def sweep_all() -> None:
    jobs.for_each_tenant("files.sweep")
