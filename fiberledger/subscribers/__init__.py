"""Subscribers: the people and firms who pay.

Owns: Subscriber, Tag, Note, Document, the tenant's RegistrationPolicy, and the one table of statuses (states.py).
Verbs (services): register, register_many, edit, move, tag, add_note, add_document, blacklist, lift_blacklist.
Questions: Subscriber.objects.visible_to(actor), .lock(pk), .found_by(text); states.of(status).
Search is `subscriber_search(query, max)` in PostgreSQL: it filters by the tenant in scope itself.
"""
