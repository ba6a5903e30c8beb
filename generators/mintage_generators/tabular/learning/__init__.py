"""Training that the models made of torch share: the loop, its options, shuffled rows, averaged weights.

What a model computes does not belong here. Only `config` can be imported without loading torch.
"""

from mintage_generators.tabular.learning.config import LearningConfig, LearningOptions

__all__ = ["LearningConfig", "LearningOptions"]
