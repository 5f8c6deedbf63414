from django.contrib import admin
from django.urls import path
from tenants.views import rent

urlpatterns = [path("admin/", admin.site.urls), path("rent/<int:flat>/", rent)]
