"""What clients may rely on, for programs: an OpenAPI document and an AsyncAPI document.

Both are made from the declarations, the serializers and the messages themselves.
"""
