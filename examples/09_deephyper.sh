#!/bin/sh
# DeepHyper's tutorial, from an empty folder to the best point. It installs the project that it makes: run it in a virtual
# environment. With Ray installed, EVALUATOR=ray.
set -e
shoal new project dh_project
cd dh_project/dh_project
shoal new problem hps polynome2
cd polynome2
python load_data.py
python default_config.py
python problem.py
cd ..
shoal hps ambs --evaluator "${EVALUATOR:-process}" --num-workers 2 --max-evals "${MAX_EVALS:-50}" \
    --problem dh_project.polynome2.problem.Problem --run dh_project.polynome2.model_run.run
shoal top results.csv -k 1
shoal top results.csv -k 1 -o best.json
python polynome2/best_config.py
