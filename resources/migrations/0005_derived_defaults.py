"""Holders and roles hold their audiences by the declaration: what was stored of that goes.

Nothing would move it any more. What somebody granted stays, as does whatever differs from the
default. Reversed, everything that the declaration gives is stored again; also where it had been
taken from a single object, which is not known any more.
"""

from django.db import migrations

PERMISSION = """
    SELECT p.id FROM auth_permission p
    JOIN django_content_type c ON c.id = p.content_type_id
    WHERE c.app_label = 'resources' AND c.model = '{model}' AND p.codename = '{codename}'"""

DROP_OF_HOLDERS = (
    """
    DELETE FROM resources_{model}usergrant
    WHERE granted_by_id IS NULL AND permission_id IN ("""
    + PERMISSION
    + """)
    AND EXISTS (
        SELECT 1 FROM resources_{model} o
        WHERE o.id = resources_{model}usergrant.content_object_id
        AND o.{field}_id = resources_{model}usergrant.user_id)"""
)
DROP_OF_ROLES = (
    """
    DELETE FROM resources_{model}groupgrant
    WHERE granted_by_id IS NULL AND permission_id IN ("""
    + PERMISSION
    + """)
    AND EXISTS (
        SELECT 1 FROM resources_{model} o JOIN auth_group g
        ON g.name = 'tenant:' || o.tenant_id || ':{role}'
        WHERE o.id = resources_{model}groupgrant.content_object_id
        AND g.id = resources_{model}groupgrant.group_id)"""
)
EMPTY_GROUPS = """
    DELETE FROM earshot_tenants_user_groups WHERE group_id IN (
        SELECT g.id FROM auth_group g JOIN earshot_tenants_tenant t
        ON g.name IN ('tenant:' || t.id || ':admin', 'tenant:' || t.id || ':member'))"""

STORE_HOLDERS = (
    """
    INSERT INTO resources_{model}usergrant (user_id, content_object_id, permission_id)
    SELECT o.{field}_id, o.id, p.id FROM resources_{model} o JOIN auth_permission p
    ON p.id IN ("""
    + PERMISSION
    + """)
    WHERE true ON CONFLICT DO NOTHING"""
)
STORE_ROLES = (
    """
    INSERT INTO resources_{model}groupgrant (group_id, content_object_id, permission_id)
    SELECT g.id, o.id, p.id FROM resources_{model} o
    JOIN auth_group g ON g.name = 'tenant:' || o.tenant_id || ':{role}'
    JOIN auth_permission p ON p.id IN ("""
    + PERMISSION
    + """)
    WHERE true ON CONFLICT DO NOTHING"""
)
MAKE_GROUPS = """
    INSERT INTO auth_group (name)
    SELECT 'tenant:' || t.id || ':{role}' FROM earshot_tenants_tenant t
    WHERE true ON CONFLICT DO NOTHING"""
FILL_GROUPS = """
    INSERT INTO earshot_tenants_user_groups (user_id, group_id)
    SELECT m.user_id, g.id FROM earshot_tenants_membership m
    JOIN auth_group g ON g.name = 'tenant:' || m.tenant_id || ':' || m.role
    WHERE m.is_active ON CONFLICT DO NOTHING"""

HOLDERS = [
    {"model": "document", "field": "owner", "codename": "own_document"},
    {"model": "profile", "field": "user", "codename": "own_profile"},
]
ROLES = [
    {"model": "document", "role": "admin", "codename": "audit_document"},
    {"model": "profile", "role": "admin", "codename": "administer_profile"},
    {"model": "profile", "role": "member", "codename": "view_profile"},
]


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("resources", "0004_bounds_of_texts"),
        ("earshot_tenants", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(
            [
                *(DROP_OF_HOLDERS.format(**held) for held in HOLDERS),
                *(DROP_OF_ROLES.format(**held) for held in ROLES),
                EMPTY_GROUPS,
            ],
            [
                *(MAKE_GROUPS.format(role=role) for role in ("admin", "member")),
                FILL_GROUPS,
                *(STORE_HOLDERS.format(**held) for held in HOLDERS),
                *(STORE_ROLES.format(**held) for held in ROLES),
            ],
        )
    ]
