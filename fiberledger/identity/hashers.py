from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id with 46 MiB and one lane (OWASP's figures): sixteen logins at once must fit a small server's memory."""

    time_cost = 1
    memory_cost = 47_104
    parallelism = 1
