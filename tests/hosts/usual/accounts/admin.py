from accounts.models import Account
from django.contrib import admin

admin.site.register(Account)
