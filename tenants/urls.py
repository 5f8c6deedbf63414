from django.urls import path

from tenants import rest_members, rest_passwords, rest_places, views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("logoutall/", views.LogoutAllView.as_view(), name="logoutall"),
    path("members/", rest_members.MembersView.as_view(), name="members"),
    path("members/<str:pk>/", rest_members.MemberView.as_view(), name="member"),
    path("password/", rest_passwords.PasswordView.as_view(), name="password"),
    path("password/reset/", rest_passwords.ResetView.as_view(), name="password-reset"),
    path("password/confirm/", rest_passwords.ConfirmView.as_view(), name="password-confirm"),
    path("me/", views.MeView.as_view(), name="me"),
    path("session/", views.SessionView.as_view(), name="session"),
    path("token/", views.TokenView.as_view(), name="token"),
    path("tickets/", views.TicketsView.as_view(), name="tickets"),
    path("tenants/", rest_places.PlacesView.as_view(), name="tenants"),
    path("tenants/<str:slug>/", rest_places.PlaceView.as_view(), name="tenant"),
    path("tenants/<str:slug>/accept/", rest_places.AcceptView.as_view(), name="tenant-accept"),
]
