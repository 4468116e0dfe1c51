import os

from django.core.wsgi import get_wsgi_application

from fiberledger.operate import outage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fiberledger.settings")
application = get_wsgi_application()
outage.watch()
