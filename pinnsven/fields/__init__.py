"""What is unknown: fields and their derivatives, networks, unknown constants."""

from ._constrained import Constrained as Constrained
from ._deep import SIREN as SIREN, ModifiedMLP as ModifiedMLP
from ._embeddings import (
    FourierFeatures as FourierFeatures,
    PeriodicEmbedding as PeriodicEmbedding,
)
from ._fixed import fixed_arrays as fixed_arrays
from ._joined import Joined as Joined
from ._model import Model as Model
from ._networks import MLP as MLP, AbstractNetwork as AbstractNetwork, Field as Field
from ._random_features import RandomFeatures as RandomFeatures
from ._refined import Refined as Refined
from ._scalar_field import (
    ScalarField as ScalarField,
    d as d,
    divergence as divergence,
    field as field,
    grad as grad,
    laplacian as laplacian,
)
from ._scaled import Scaled as Scaled
from ._separable import SeparableMLP as SeparableMLP
from ._unknown import Unknown as Unknown
