"""The peers, each asked in its own words: python peers.py METHOD input.npz output.npz

Runs in an environment that has the peer (README.md says how to make one); tilth is not imported. A method's name is
PEER.METHOD. All answers are turned so that higher = more helpful. Settings are the peer's own defaults unless a
comment says otherwise.
"""

# ruff: noqa: N803, N806 - X and y as in scikit-learn
from __future__ import annotations

import sys
import tempfile
import time
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import protocol
import worlds
from protocol import Answer, Task

PACKAGES = {
    "pydvl": "pyDVL",
    "opendataval": "opendataval",
    "dattri": "dattri",
    "kronfluence": "kronfluence",
    "traker": "traker",
    "captum": "captum",
}
DAMPING = 0.01  # of second-order methods that have no default of their own, or zero
BUDGET_S = 20.0  # for values that are sampled until a budget is spent
MEMBERS = 10  # networks of a TRAK ensemble, each trained on half of the samples


def flat(X: np.ndarray) -> np.ndarray:
    return X.reshape(len(X), -1)


def tensors(task: Task) -> tuple[Any, Any, Any, Any]:
    import torch

    return tuple(torch.from_numpy(a) for a in (task.X, task.y, task.X_valid, task.y_valid))


def loaders(task: Task, batch: int) -> tuple[Any, Any]:
    from torch.utils.data import DataLoader

    train, valid = sets(task)
    return DataLoader(train, batch_size=batch), DataLoader(valid, batch_size=batch)


def sets(task: Task) -> tuple[Any, Any]:
    from torch.utils.data import TensorDataset

    X, y, X_valid, y_valid = tensors(task)
    return TensorDataset(X, y), TensorDataset(X_valid, y_valid)


def members(task: Task) -> tuple[list[dict[str, Any]], float]:
    """States of networks trained on random halves, as TRAK wants them, and the seconds it took."""
    began = time.perf_counter()
    states = []
    rng = np.random.default_rng([task.seed, 5])
    for member in range(MEMBERS):
        half = rng.permutation(len(task.y))[: len(task.y) // 2]
        made = worlds.train(task.make, task.X[half], task.y[half], **task.settings, seed=100 + member, checkpoints=1)
        states += made[1]
    return states, time.perf_counter() - began


def directions(task: Task, most: int) -> int:
    """A power of two below n: with more directions than samples, TRAK's matrix cannot be inverted."""
    return min(most, 2 ** int(np.log2(len(task.y) - 1)))


# -- pyDVL ------------------------------------------------------------------------------------------------------


def pydvl_loader() -> None:
    import joblib  # noqa: F401
    import pydvl.influence.torch
    import pydvl.valuation  # noqa: F401
    import sklearn.linear_model  # noqa: F401


def pydvl_data(task: Task) -> tuple[Any, Any]:
    from pydvl.valuation import Dataset

    return Dataset(flat(task.X), task.y), Dataset(flat(task.X_valid), task.y_valid)


def pydvl_utility(task: Task) -> tuple[Any, Any]:
    """Accuracy on the valid samples of a logistic regression: the networks take too long for thousands of fits."""
    from pydvl.valuation import ModelUtility, SupervisedScorer
    from sklearn.linear_model import LogisticRegression

    train, valid = pydvl_data(task)
    model = LogisticRegression(max_iter=100)
    scorer = SupervisedScorer("accuracy", valid, default=0.0, range=(0, 1))
    return ModelUtility(model, scorer, show_warnings=False), train


def pydvl_fitted(valuation: Any, train: Any) -> Answer:
    import warnings

    warnings.simplefilter("ignore")
    result = valuation.fit(train).result
    values = np.zeros(len(train))
    values[np.asarray(result.indices)] = result.values
    print("updates a value:", np.mean(result.counts), result.status, file=sys.stderr)
    return {"values": values, "train_seconds": 0}


def pydvl_knn(task: Task) -> Answer:
    from pydvl.valuation import KNNShapleyValuation
    from sklearn.neighbors import KNeighborsClassifier

    train, valid = pydvl_data(task)
    return pydvl_fitted(KNNShapleyValuation(KNeighborsClassifier(n_neighbors=10), valid, progress=False), train)


def pydvl_tmc(task: Task) -> Answer:
    from pydvl.valuation import MaxTime, TMCShapleyValuation

    utility, train = pydvl_utility(task)
    return pydvl_fitted(TMCShapleyValuation(utility, is_done=MaxTime(BUDGET_S), seed=task.seed), train)


def pydvl_beta(task: Task) -> Answer:
    from pydvl.valuation import BetaShapleyValuation, MaxTime, PermutationSampler, RelativeTruncation

    utility, train = pydvl_utility(task)
    sampler = PermutationSampler(RelativeTruncation(rtol=0.01, burn_in_fraction=0.4), seed=task.seed)
    return pydvl_fitted(BetaShapleyValuation(utility, sampler, MaxTime(BUDGET_S), alpha=16, beta=1), train)


def pydvl_banzhaf(task: Task) -> Answer:
    from pydvl.valuation import MaxTime, MSRBanzhafValuation

    utility, train = pydvl_utility(task)
    return pydvl_fitted(MSRBanzhafValuation(utility, MaxTime(BUDGET_S), seed=task.seed), train)


def pydvl_oob(task: Task) -> Answer:
    from pydvl.valuation import DataOOBValuation
    from sklearn.ensemble import BaggingClassifier
    from sklearn.linear_model import LogisticRegression

    train, _ = pydvl_data(task)
    bag = BaggingClassifier(LogisticRegression(max_iter=100), n_estimators=300, random_state=task.seed)
    began = time.perf_counter()
    bag.fit(flat(task.X), task.y)
    fitted = time.perf_counter() - began
    answer = pydvl_fitted(DataOOBValuation(bag), train)
    return answer | {"train_seconds": fitted, "seconds": time.perf_counter() - began - fitted}


def pydvl_influence(task: Task, made: Any) -> Answer:
    X, y, X_valid, y_valid = tensors(task)
    fitted = made.fit(loaders(task, 100)[0])
    parts = [fitted.influences(xs, ys, X, y) for xs, ys in zip(X_valid.split(50), y_valid.split(50), strict=True)]
    return {"matrix": np.concatenate([part.detach().numpy() for part in parts]).T}


def pydvl_cg(task: Task, *, gauss_newton: bool = False) -> Answer:
    from pydvl.influence.torch import CgInfluence
    from pydvl.influence.torch.util import SecondOrderMode
    from torch.nn.functional import cross_entropy

    mode = SecondOrderMode.GAUSS_NEWTON if gauss_newton else SecondOrderMode.HESSIAN
    made = CgInfluence(
        task.network(),
        cross_entropy,
        regularization=DAMPING,
        maxiter=20,
        solve_simultaneously=True,
        warn_on_max_iteration=False,
        second_order_mode=mode,
    )
    return pydvl_influence(task, made)


def pydvl_lissa(task: Task) -> Answer:
    from pydvl.influence.torch import LissaInfluence
    from torch.nn.functional import cross_entropy

    made = LissaInfluence(task.network(), cross_entropy, regularization=DAMPING, warn_on_max_iteration=False)
    return pydvl_influence(task, made)


def pydvl_ekfac(task: Task) -> Answer:
    from pydvl.influence.torch import EkfacInfluence

    return pydvl_influence(task, EkfacInfluence(task.network(), update_diagonal=True, hessian_regularization=DAMPING))


def pydvl_nystroem(task: Task) -> Answer:
    from pydvl.influence.torch import NystroemSketchInfluence
    from torch.nn.functional import cross_entropy

    return pydvl_influence(
        task, NystroemSketchInfluence(task.network(), cross_entropy, regularization=DAMPING, rank=50)
    )


# -- OpenDataVal ------------------------------------------------------------------------------------------------


def opendataval_loader() -> None:
    """Imports it with stand-ins for the picture and text packages that it imports but does not use here."""
    for _ in range(20):
        try:
            import opendataval.dataval
            import opendataval.model  # noqa: F401
            import sklearn.linear_model  # noqa: F401

            return
        except ModuleNotFoundError as missing:
            if missing.name is None or missing.name.split(".")[0] in ("opendataval", "sklearn"):
                raise
            print("stand-in for", missing.name, file=sys.stderr)
            sys.modules[missing.name] = MagicMock()
            for name in [name for name in sys.modules if name.startswith("opendataval")]:
                del sys.modules[name]


def opendataval_asked(task: Task, evaluator: Any) -> Answer:
    import torch
    from opendataval.metrics import accuracy
    from opendataval.model import ClassifierSkLearnWrapper
    from sklearn.linear_model import LogisticRegression

    X, y, X_valid, y_valid = tensors(task)
    one, one_valid = (torch.nn.functional.one_hot(labels, task.classes).float() for labels in (y, y_valid))
    evaluator.input_data(X.flatten(1), one, X_valid.flatten(1), one_valid)
    if hasattr(evaluator, "input_model"):
        model = ClassifierSkLearnWrapper(LogisticRegression, task.classes, max_iter=100)
        evaluator.input_model(model).input_metric(accuracy)
    evaluator.train_data_values()
    return {"values": np.asarray(evaluator.evaluate_data_values()).reshape(-1), "train_seconds": 0}


def opendataval_oob(task: Task) -> Answer:
    from opendataval.dataval import DataOob

    return opendataval_asked(task, DataOob(num_models=300, random_state=task.seed))  # 1000 by default


def opendataval_knn(task: Task) -> Answer:
    from opendataval.dataval import KNNShapley

    return opendataval_asked(task, KNNShapley(k_neighbors=10, random_state=task.seed))


def opendataval_lava(task: Task) -> Answer:
    from opendataval.dataval import LavaEvaluator

    return opendataval_asked(task, LavaEvaluator(random_state=task.seed))


def opendataval_subsample(task: Task) -> Answer:
    from opendataval.dataval import InfluenceSubsample

    return opendataval_asked(task, InfluenceSubsample(num_models=500, random_state=task.seed))  # 1000 by default


def opendataval_dvrl(task: Task) -> Answer:
    from opendataval.dataval import DVRL

    return opendataval_asked(task, DVRL(rl_epochs=500, random_state=task.seed))  # 1000 by default


def opendataval_ame(task: Task) -> Answer:
    from opendataval.dataval import AME

    # at each of four shares; 1000 by default
    return opendataval_asked(task, AME(num_models=100, random_state=task.seed))


# -- dattri -----------------------------------------------------------------------------------------------------


def dattri_loader() -> None:
    import dattri.algorithm.influence_function
    import dattri.algorithm.tracin
    import dattri.algorithm.trak  # noqa: F401


def dattri_loss(task: Task, net: Any) -> Any:
    import torch

    shape = task.X.shape[1:]

    def loss(params: Any, pair: Any) -> Any:  # of one sample or of a batch: dattri asks for both
        x, y = pair
        out = torch.func.functional_call(net, params, x.reshape(-1, *shape))
        return torch.nn.functional.cross_entropy(out, y.reshape(-1).long())  # dattri.lissa turns labels into floats

    return loss


def dattri_influence(task: Task, kind: str, *, batch: int = 0, **settings: Any) -> Answer:
    import dattri.algorithm.influence_function as found
    from dattri.task import AttributionTask

    net = task.network()
    about = AttributionTask(loss_func=dattri_loss(task, net), model=net, checkpoints=task.states[-1])
    made = getattr(found, f"IFAttributor{kind}")(about, device="cpu", **settings)
    train, valid = loaders(task, 500)
    made.cache(loaders(task, batch or len(task.y))[0])  # its documentation asks for all samples in one batch
    return {"matrix": made.attribute(train, valid).detach().numpy()}


def dattri_tracin(task: Task, *, normalized: bool = False, last: bool = False) -> Answer:
    import torch
    from dattri.algorithm.tracin import TracInAttributor
    from dattri.task import AttributionTask

    net = task.network()
    states, rates = (task.states[-1:], [1.0]) if last else (task.states, task.rates)
    about = AttributionTask(loss_func=dattri_loss(task, net), model=net, checkpoints=states)
    made = TracInAttributor(about, weight_list=torch.tensor(rates), normalized_grad=normalized, device="cpu")
    made.projector_kwargs = None  # exact dot products; the class would project to 512 directions
    return {"matrix": made.attribute(*loaders(task, 100)).detach().numpy()}


def dattri_trak(task: Task, *, ensemble: bool) -> Answer:
    import torch
    from dattri.algorithm.trak import TRAKAttributor
    from dattri.task import AttributionTask

    states, trained = members(task) if ensemble else (task.states[-1:], task.train_seconds)
    began = time.perf_counter()
    net = task.network()
    loss = dattri_loss(task, net)

    def chance(params: Any, pair: Any) -> Any:
        return torch.exp(-loss(params, pair))

    def margin(params: Any, pair: Any) -> Any:
        p = chance(params, pair)
        return torch.log(p / (1 - p))

    about = AttributionTask(loss_func=margin, model=net, checkpoints=states)
    made = TRAKAttributor(
        about,
        correct_probability_func=chance,
        projector_kwargs={"proj_dim": directions(task, 512), "device": "cpu"},
        device="cpu",
    )
    train, valid = loaders(task, 100)
    made.cache(train)
    matrix = made.attribute(test_dataloader=valid).detach().numpy()
    return {"matrix": matrix, "train_seconds": trained, "seconds": time.perf_counter() - began}


# -- kronfluence ------------------------------------------------------------------------------------------------


def kronfluence_loader() -> None:
    import kronfluence.analyzer  # noqa: F401


def kronfluence_ekfac(task: Task, *, alone: bool = False, strategy: str = "ekfac") -> Answer:
    import torch
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments
    from kronfluence.task import Task as Asked
    from torch.nn.functional import cross_entropy

    class Classification(Asked):
        def compute_train_loss(self, batch: Any, model: Any, sample: bool = False) -> Any:
            x, y = batch
            out = model(x)
            if sample:
                with torch.no_grad():
                    y = torch.multinomial(out.softmax(-1), 1).flatten()
            return cross_entropy(out, y, reduction="sum")

        def compute_measurement(self, batch: Any, model: Any) -> Any:
            x, y = batch
            return cross_entropy(model(x), y, reduction="sum")

    train, valid = sets(task)
    asked = Classification()
    with tempfile.TemporaryDirectory() as folder:
        analyzer = Analyzer(
            "bench", prepare_model(task.network(), asked), asked, cpu=True, output_dir=folder, disable_tqdm=True
        )
        analyzer.fit_all_factors("f", train, per_device_batch_size=250, factor_args=FactorArguments(strategy=strategy))
        if alone:
            analyzer.compute_self_scores("s", "f", train, per_device_train_batch_size=250)
            return {"values": -analyzer.load_self_scores("s")["all_modules"].numpy()}
        analyzer.compute_pairwise_scores(
            "s", "f", valid, train, per_device_query_batch_size=100, per_device_train_batch_size=250
        )
        return {"matrix": analyzer.load_pairwise_scores("s")["all_modules"].numpy().T}


# -- TRAK -------------------------------------------------------------------------------------------------------


def traker_loader() -> None:
    import trak  # noqa: F401


def traker_trak(task: Task, *, ensemble: bool) -> Answer:
    import logging

    from trak import TRAKer

    states, trained = members(task) if ensemble else (task.states[-1:], task.train_seconds)
    began = time.perf_counter()
    train, valid = loaders(task, 100)
    with tempfile.TemporaryDirectory() as folder:
        made = TRAKer(
            model=task.network(),
            task="image_classification",
            train_set_size=len(task.y),
            save_dir=folder,
            device="cpu",  # which makes it choose its BasicProjector
            proj_dim=directions(task, 2048),
            use_half_precision=False,
            logging_level=logging.ERROR,
        )
        for member, state in enumerate(states):
            made.load_checkpoint(state, model_id=member)
            for batch in train:
                made.featurize(batch=batch, num_samples=len(batch[0]))
        made.finalize_features()
        for member, state in enumerate(states):
            made.start_scoring_checkpoint("valid", state, model_id=member, num_targets=len(task.y_valid))
            for batch in valid:
                made.score(batch=batch, num_samples=len(batch[0]))
        matrix = np.array(made.finalize_scores("valid"))
    return {"matrix": matrix, "train_seconds": trained, "seconds": time.perf_counter() - began}


# -- captum -----------------------------------------------------------------------------------------------------


def captum_loader() -> None:
    import captum.influence  # noqa: F401


def captum_tracin(task: Task, *, fast: bool = False, alone: bool = False) -> Answer:
    import torch
    from captum.influence import TracInCP, TracInCPFast

    def load(net: Any, at: str) -> float:
        net.load_state_dict(task.states[int(at)])
        return task.rates[int(at)]

    net = task.network()
    train, _ = sets(task)
    settings = {
        "train_dataset": train,
        "checkpoints": [str(at) for at in range(len(task.states))],
        "checkpoints_load_func": load,
        "loss_fn": torch.nn.CrossEntropyLoss(reduction="sum"),
        "batch_size": 100,
    }
    if fast:
        made = TracInCPFast(net, net[-1], **settings)
    else:
        made = TracInCP(net, sample_wise_grads_per_batch=True, **settings)
    if alone:
        return {"values": -made.self_influence().detach().numpy()}
    _, _, X_valid, y_valid = tensors(task)
    return {"matrix": made.influence((X_valid, y_valid)).detach().numpy().T}


METHODS: dict[str, protocol.Method] = {
    "pydvl.knn-shapley": pydvl_knn,
    "pydvl.tmc-shapley": pydvl_tmc,
    "pydvl.beta-shapley": pydvl_beta,
    "pydvl.banzhaf-msr": pydvl_banzhaf,
    "pydvl.data-oob": pydvl_oob,
    "pydvl.cg": pydvl_cg,
    "pydvl.cg-gauss-newton": lambda task: pydvl_cg(task, gauss_newton=True),
    "pydvl.lissa": pydvl_lissa,
    "pydvl.ekfac": pydvl_ekfac,
    "pydvl.nystroem": pydvl_nystroem,
    "opendataval.data-oob": opendataval_oob,
    "opendataval.knn-shapley": opendataval_knn,
    "opendataval.lava": opendataval_lava,
    "opendataval.influence-subsample": opendataval_subsample,
    "opendataval.dvrl": opendataval_dvrl,
    "opendataval.ame": opendataval_ame,
    "dattri.explicit": lambda task: dattri_influence(task, "Explicit", regularization=DAMPING),
    "dattri.cg": lambda task: dattri_influence(task, "CG", regularization=DAMPING),
    "dattri.lissa": lambda task: dattri_influence(
        task, "LiSSA", batch_size=50, recursion_depth=500, damping=DAMPING, scaling=10.0
    ),  # 5000 steps of one sample and a scaling of 50 by default; 10 is pyDVL's and did better
    "dattri.datainf": lambda task: dattri_influence(task, "DataInf", regularization=DAMPING),
    "dattri.arnoldi": lambda task: dattri_influence(
        task, "Arnoldi", regularization=DAMPING, proj_dim=20, max_iter=200
    ),  # the default of 100 directions out of 100 iterations gives NaN on every world
    "dattri.ekfac": lambda task: dattri_influence(task, "EKFAC", damping=DAMPING),
    "dattri.tracin": dattri_tracin,
    "dattri.grad-dot": lambda task: dattri_tracin(task, last=True),
    "dattri.grad-cos": lambda task: dattri_tracin(task, last=True, normalized=True),
    "dattri.trak-1": lambda task: dattri_trak(task, ensemble=False),
    "dattri.trak-10": lambda task: dattri_trak(task, ensemble=True),
    "kronfluence.ekfac": kronfluence_ekfac,
    "kronfluence.ekfac-self": lambda task: kronfluence_ekfac(task, alone=True),
    "traker.trak-1": lambda task: traker_trak(task, ensemble=False),
    "traker.trak-10": lambda task: traker_trak(task, ensemble=True),
    "captum.tracincp": captum_tracin,
    "captum.tracincp-self": lambda task: captum_tracin(task, alone=True),
    "captum.tracincp-fast": lambda task: captum_tracin(task, fast=True),
    "captum.tracincp-fast-self": lambda task: captum_tracin(task, fast=True, alone=True),
}

LOADERS = {
    "pydvl": pydvl_loader,
    "opendataval": opendataval_loader,
    "dattri": dattri_loader,
    "kronfluence": kronfluence_loader,
    "traker": traker_loader,
    "captum": captum_loader,
}

if __name__ == "__main__":
    protocol.main(METHODS, PACKAGES, LOADERS)
