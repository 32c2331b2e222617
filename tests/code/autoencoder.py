import numpy as np


class Autoencoder:
    def __init__(self, n_visible, n_hidden, learning_rate=0.1):
        self.W_enc = np.random.uniform(-1, 1, (n_visible, n_hidden))
        self.b_enc = np.zeros(n_hidden)
        self.W_dec = np.random.uniform(-1, 1, (n_hidden, n_visible))
        self.b_dec = np.zeros(n_visible)
        self.learning_rate = learning_rate

    def sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def sigmoid_prime(self, z):
        return self.sigmoid(z) * (1 - self.sigmoid(z))

    def step(self, X):
        n = X.shape[0]
        z_enc = np.dot(X, self.W_enc) + self.b_enc
        code = self.sigmoid(z_enc)
        z_dec = np.dot(code, self.W_dec) + self.b_dec
        recon = self.sigmoid(z_dec)
        loss = 0.5 * np.sum(np.square(recon - X)) / n

        delta_dec = (recon - X) * self.sigmoid_prime(z_dec) / n
        W_dec_grad = np.dot(code.T, delta_dec)
        b_dec_grad = np.sum(delta_dec, axis=0)
        delta_enc = np.dot(delta_dec, self.W_dec.T) * self.sigmoid_prime(code)
        W_enc_grad = np.dot(X.T, delta_enc)
        b_enc_grad = np.sum(delta_enc, axis=0)

        self.W_dec -= self.learning_rate * W_dec_grad
        self.b_dec -= self.learning_rate * b_dec_grad
        self.W_enc -= self.learning_rate * W_enc_grad
        self.b_enc -= self.learning_rate * b_enc_grad
        return loss
