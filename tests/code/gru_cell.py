import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


class GRUCell:
    """One step for one sequence: x (n_x,), h_prev (n_h,)."""

    def __init__(self, n_x, n_h):
        s = 1.0 / np.sqrt(n_h)
        self.Wz = np.random.uniform(-s, s, (n_h, n_x))
        self.Uz = np.random.uniform(-s, s, (n_h, n_h))
        self.bz = np.zeros(n_h)
        self.Wr = np.random.uniform(-s, s, (n_h, n_x))
        self.Ur = np.random.uniform(-s, s, (n_h, n_h))
        self.br = np.zeros(n_h)
        self.Wh = np.random.uniform(-s, s, (n_h, n_x))
        self.Uh = np.random.uniform(-s, s, (n_h, n_h))
        self.bh = np.zeros(n_h)

    def forward(self, x, h_prev):
        self.x, self.h_prev = x, h_prev
        self.z = sigmoid(self.Wz @ x + self.Uz @ h_prev + self.bz)
        self.r = sigmoid(self.Wr @ x + self.Ur @ h_prev + self.br)
        self.rh = self.r * h_prev
        self.h_tilde = np.tanh(self.Wh @ x + self.Uh @ self.rh + self.bh)
        self.h = (1 - self.z) * h_prev + self.z * self.h_tilde
        return self.h

    def backward(self, dh):
        x, h_prev = self.x, self.h_prev
        dz = dh * (self.h_tilde - h_prev)
        dh_tilde = dh * self.z
        dh_prev = dh * (1 - self.z)

        da_h = dh_tilde * (1 - self.h_tilde ** 2)
        self.dWh = np.outer(da_h, x)
        self.dUh = np.outer(da_h, self.rh)
        self.dbh = da_h
        drh = self.Uh.T @ da_h
        dr = drh * h_prev
        dh_prev += drh * self.r

        da_r = dr * self.r * (1 - self.r)
        self.dWr = np.outer(da_r, x)
        self.dUr = np.outer(da_r, h_prev)
        self.dbr = da_r
        dh_prev += self.Ur.T @ da_r

        da_z = dz * self.z * (1 - self.z)
        self.dWz = np.outer(da_z, x)
        self.dUz = np.outer(da_z, h_prev)
        self.dbz = da_z
        dh_prev += self.Uz.T @ da_z

        dx = self.Wz.T @ da_z + self.Wr.T @ da_r + self.Wh.T @ da_h
        return dx, dh_prev
