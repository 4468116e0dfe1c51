NOT_LOCKED = {"vault.DataKey.wrapped": "locked with the master key; a rotation wraps it anew"}
