from django.urls import path

from tenants import views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("logoutall/", views.LogoutAllView.as_view(), name="logoutall"),
    path("me/", views.MeView.as_view(), name="me"),
    path("tickets/", views.TicketsView.as_view(), name="tickets"),
    path("tenants/", views.TenantsView.as_view(), name="tenants"),
]
