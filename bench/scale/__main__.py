"""`python -m bench.scale`: print the tables, and write them into `docs/scale.md`."""

from bench.scale.document import write

if __name__ == "__main__":
    for name, text in write().items():
        print(f"{name}\n\n{text}\n")
