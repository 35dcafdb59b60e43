"""Other systems as small real servers on this machine: same paths, headers, answers and errors as their contracts.

Nothing is imported from the product, and the product knows nothing of them: to it a simulator is another address and
other credentials (`spec/integrations.md`, Simulators).
"""
