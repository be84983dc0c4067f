"""The rules of a plan, by topic. docs/plan.md has them with their sources."""
