"""A random oracle: well-typed programs, and gradients of them that share nothing with the engine.

`generate` makes a program, `emit_text` spells it in our language, `emit_autograd` and
`emit_mp` give its loss a meaning of their own; `compare` sets a gradient beside them.
"""
