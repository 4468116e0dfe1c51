from django.urls import include, path

from . import views
from .screens import areas, branches, subscribers, tags

app_name = "subscribers"
urlpatterns = [
    path("branches/", include(branches.urls())),
    path("areas/tree/", views.area_tree, name="area-tree"),
    path("areas/", include(areas.urls())),
    path("tags/", include(tags.urls())),
    path("settings/", views.registration_policy, name="registration-policy"),
    path("check-phone/", views.check_phone, name="check-phone"),
    path("tag-rows/", views.tag_rows, name="tag-rows"),
    path("notes/<int:pk>/remove/", views.remove_note, name="note-remove"),
    path("documents/<int:pk>/remove/", views.remove_document, name="document-remove"),
    path("<int:pk>/notes/new/", views.new_note, name="note-new"),
    path("<int:pk>/documents/new/", views.new_document, name="document-new"),
    path("<int:pk>/tags/", views.tags, name="tags"),
    path("<int:pk>/photo/", views.photo, name="photo"),
    path("", include(subscribers.urls(new=False))),
]
