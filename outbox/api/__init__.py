"""Events, subscribers, connections and inbox under /api/."""
