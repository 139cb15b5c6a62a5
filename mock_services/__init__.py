"""The world for tests and demonstrations: eight small services that keep count and misbehave on demand."""
