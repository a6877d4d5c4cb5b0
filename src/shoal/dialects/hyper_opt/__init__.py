"""What users of hyper_opt (ECHO, ``echo-opt``) have, in Shoal's words.

``from aimlutils.hyper_opt.base_objective import *`` becomes ``from shoal.dialects.hyper_opt.base_objective import *``,
and ``python optimize.py hyperparameters.yml model_config.yml`` becomes ``shoal tune`` or ``shoal submit`` with the same
two files: docs/coming-from-hyper-opt.md.
"""
