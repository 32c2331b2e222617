"""A variational autoencoder with one linear layer each way; the noise is an argument."""

import numpy as np


def vae(x, eps, W_mu, W_lv, W_dec):
    """x: (N, D), eps: (N, Z), W_mu and W_lv: (D, Z), W_dec: (Z, D)."""
    N = x.shape[0]
    mu = x @ W_mu
    logvar = x @ W_lv
    std = np.exp(0.5 * logvar)
    z = mu + std * eps
    out = 1 / (1 + np.exp(-(z @ W_dec)))
    bce = -np.sum(x * np.log(out) + (1 - x) * np.log(1 - out))
    kl = -0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar))
    loss = (bce + kl) / N

    dlogits = (out - x) / N
    dW_dec = z.T @ dlogits
    dz = dlogits @ W_dec.T
    dmu = dz + mu / N
    dlogvar = dz * eps * 0.5 * std + 0.5 * (np.exp(logvar) - 1) / N
    dW_mu = x.T @ dmu
    dW_lv = x.T @ dlogvar
    return loss, dW_mu, dW_lv, dW_dec
