class Refusal(Exception):
    """A rule said no, in words for the person who asked: a page shows it on the form, the API answers 409."""


class NoTenantInScope(RuntimeError):
    """A tenant's rows were asked for outside of any tenant_scope: a slip of the programmer, never shown to a person."""


class WrongTenant(RuntimeError):
    """One tenant's scope was opened inside another's."""
