from django.urls import include, path

from fiberledger.screens.addresses import screen_urls

from . import views
from .screens import closings, payments

app_name = "payments"

urlpatterns = [
    path("collect/", views.collect, name="collect"),
    path("collect/<int:pk>/", views.collect_from, name="collect_from"),
    path("collect/<int:pk>/settles/", views.settles, name="settles"),
    path("<int:pk>/receipt/", views.receipt, name="receipt"),
    path("<int:pk>/print/", views.print_receipt, name="print"),
    path("<int:pk>/receipt.pdf", views.receipt_pdf, name="pdf"),
    path("<int:pk>/reverse/", views.reverse, name="reverse"),
    path("due/", views.due_list, name="due-list"),
    path("due/mine/", views.due_mine, name="due-mine"),
    path("due/<int:pk>/menu/", views.due_menu, name="due-menu"),
    path("due/choices/<slug:name>/", views.due_choices, name="due-choices"),
    path("due/columns/", views.due_columns, name="due-columns"),
    path("due/views/", views.due_views, name="due-views"),
    path("due/views/<int:pk>/forget/", views.due_forget, name="due-view-forget"),
    path("cash/", views.cash, name="cash"),
    path("cash/<int:pk>/", views.close_cash, name="close"),
    path("closings/<int:pk>/approve/", views.approve, name="approve"),
    path("closings/<int:pk>/recount/", views.recount, name="recount"),
    path("closings/", include(screen_urls(closings, record=views.show_closing))),
    path("settings/", views.settings, name="settings"),
    path("", include(screen_urls(payments, record=views.show_payment))),
]
