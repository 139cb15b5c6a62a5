"""The world for tests and demonstrations: nine small services that keep count and misbehave on demand."""
