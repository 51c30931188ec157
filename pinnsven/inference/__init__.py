"""How far an estimate can be trusted, from the spectrum of the Jacobian."""

from ._standard_errors import standard_error as standard_error
