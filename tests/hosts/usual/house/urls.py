from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import DefaultRouter
from work.views import OwnTickets

own = DefaultRouter()
own.register("tickets", OwnTickets, basename="own-ticket")

urlpatterns = [path("admin/", admin.site.urls), path("own/", include(own.urls))]
