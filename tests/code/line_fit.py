import numpy as np

def gradient_descent(x, y, learning_rate=0.01, epochs=1000):
    # x: (n,)
    # y: (n,)
    m = 0
    c = 0
    n = len(x)
    for i in range(epochs):
        y_pred = m * x + c
        loss = np.mean((y - y_pred) ** 2)
        dm = (-2 / n) * sum(x * (y - y_pred))
        dc = (-2 / n) * sum(y - y_pred)
        m = m - learning_rate * dm
        c = c - learning_rate * dc
    return m, c
