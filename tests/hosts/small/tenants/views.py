from django.http import JsonResponse
from django.shortcuts import get_object_or_404

from tenants.models import Tenant


def rent(request, flat):
    """Answer what the flat costs."""
    return JsonResponse({"rent": str(get_object_or_404(Tenant, flat=flat).rent)})
