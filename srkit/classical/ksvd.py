"""K-SVD (Aharon et al. 2006): a dictionary of atoms, few of which suffice for each sample."""

import itertools

import numpy as np
from tqdm import tqdm

from srkit.progress import bar_stream

_ROWS = 2048  # of samples in one product


def ksvd(samples: np.ndarray, num_atoms: int, num_nonzeros: int = 3, rounds: int = 20, seed: int = 0) -> np.ndarray:
    """Learns a dictionary whose atoms, `num_nonzeros` at a time, reconstruct the samples with the least squared error.

    Each round codes the samples by orthogonal matching pursuit; then each atom in turn becomes the first singular
    vector of what the others leave of the samples that use it. An atom that no sample uses becomes the sample that is
    reconstructed worst.

    Args:
        samples: float32 array of shape (number of samples, dimensions).
        num_atoms: Number of atoms, at most that of samples.
        num_nonzeros: How many atoms reconstruct a sample.
        rounds: Number of rounds.
        seed: Decides the samples that the atoms are at first.

    Returns:
        float32 array of shape (num_atoms, dimensions), each row of length 1.
    """
    long_enough = np.flatnonzero(np.linalg.norm(samples, axis=1) > 1e-6)
    first = np.random.default_rng(seed).choice(long_enough, num_atoms, replace=False)
    atoms = _unit(samples[first])
    for _ in tqdm(range(rounds), desc="Dictionary", unit="round", leave=False, file=bar_stream()):
        chosen, values = matching_pursuit(samples, atoms, num_nonzeros)
        _update(atoms, samples, chosen, values)
    return atoms


def matching_pursuit(samples: np.ndarray, atoms: np.ndarray, num_nonzeros: int) -> tuple[np.ndarray, np.ndarray]:
    """Orthogonal matching pursuit: for each sample the atoms that fit what is left, one after the other.

    Args:
        samples: float32 array of shape (number of samples, dimensions).
        atoms: float32 array of shape (number of atoms, dimensions), rows of length 1.
        num_nonzeros: How many atoms to choose.

    Returns:
        Two arrays of shape (number of samples, num_nonzeros): the indices of the atoms, and their values.
    """
    chosen = np.empty((len(samples), num_nonzeros), np.intp)
    values = np.empty((len(samples), num_nonzeros), np.float32)
    for top in range(0, len(samples), _ROWS):
        part = samples[top : top + _ROWS]
        indices, left = chosen[top : top + _ROWS], part
        for count in range(1, num_nonzeros + 1):
            indices[:, count - 1] = nearest_atoms(left, atoms)
            used = atoms[indices[:, :count]]
            gram = used @ used.transpose(0, 2, 1) + 1e-6 * np.eye(count, dtype=np.float32)
            fitted = np.linalg.solve(gram, used @ part[..., None])
            left = part - (fitted * used).sum(axis=1)
        values[top : top + _ROWS] = fitted[..., 0]
    return chosen, values


def nearest_atoms(samples: np.ndarray, atoms: np.ndarray) -> np.ndarray:
    """For each sample the index of the atom with the greatest dot product, whatever its sign."""
    nearest = np.empty(len(samples), np.intp)
    for top in range(0, len(samples), _ROWS):
        products = samples[top : top + _ROWS] @ atoms.T
        nearest[top : top + _ROWS] = np.abs(products, out=products).argmax(axis=1)
    return nearest


def _update(atoms: np.ndarray, samples: np.ndarray, chosen: np.ndarray, values: np.ndarray) -> None:
    """Replaces the atoms, one after the other."""
    left = samples - (values[..., None] * atoms[chosen]).sum(axis=1)
    users = np.argsort(chosen, axis=None, kind="stable")
    bounds = np.searchsorted(chosen.ravel()[users], np.arange(len(atoms) + 1))
    for atom, (begin, end) in enumerate(itertools.pairwise(bounds)):
        rows, places = np.unravel_index(users[begin:end], chosen.shape)
        if not len(rows):
            worst = np.argmax(np.square(left).sum(axis=1))
            atoms[atom], left[worst] = _unit(samples[worst]), 0
            continue
        own = left[rows] + values[rows, places, None] * atoms[atom]
        atoms[atom] = np.linalg.eigh(own.T @ own)[1][:, -1]
        values[rows, places] = own @ atoms[atom]
        left[rows] = own - values[rows, places, None] * atoms[atom]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
