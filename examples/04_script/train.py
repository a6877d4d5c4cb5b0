"""A training script as you may have it; two lines make it tunable: the import, and the report after each epoch."""

import argparse

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from shoal import report

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=1e-4)
parser.add_argument("--eta0", type=float, default=0.01)
parser.add_argument("--penalty", default="l2")
parser.add_argument("--epochs", type=int, default=5)
args = parser.parse_args()

features, labels = load_breast_cancer(return_X_y=True)
x, x_valid, y, y_valid = train_test_split(StandardScaler().fit_transform(features), labels, random_state=0)
model = SGDClassifier(alpha=args.alpha, eta0=args.eta0, penalty=args.penalty, learning_rate="adaptive", random_state=0)
for epoch in range(1, args.epochs + 1):
    model.partial_fit(x, y, classes=[0, 1])
    report(epoch=epoch, error=1 - model.score(x_valid, y_valid))
