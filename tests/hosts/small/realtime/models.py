from django.db import models


class Reading(models.Model):
    """What a flat's meter showed."""

    flat = models.PositiveIntegerField()
    kilowatt_hours = models.PositiveIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self):
        return f"{self.kilowatt_hours} kWh in flat {self.flat}"
