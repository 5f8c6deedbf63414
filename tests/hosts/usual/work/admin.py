from django.contrib import admin
from guardian.admin import GuardedModelAdmin
from work.models import Organization, Project, Ticket

admin.site.register([Organization, Project])
admin.site.register(Ticket, GuardedModelAdmin)
