from django.contrib import admin
from guardian.admin import GuardedModelAdmin
from work.models import Employment, Organization, Project, Ticket

admin.site.register([Employment, Organization, Project])
admin.site.register(Ticket, GuardedModelAdmin)
