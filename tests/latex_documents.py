"""Published derivations as people write them, each with claims that are right, and a thread with ones that are not."""

from __future__ import annotations

# M. Nielsen, Neural Networks and Deep Learning, chapter 2, without a single declaration.
NIELSEN = r"""
a^l = \sigma(z^l), \quad z^l = w^l a^{l-1} + b^l
C = \frac{1}{2} \|y - a^L\|^2
\delta^L = \nabla_a C \odot \sigma'(z^L)
\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l)
\frac{\partial C}{\partial b^l_j} = \delta^l_j
\frac{\partial C}{\partial w^l_{jk}} = a^{l-1}_k \delta^l_j
"""
# A. Ng's label style, declared, with an unnamed activation.
LABELS = r"""
W^{(l)} \in \mathbb{R}^{n_l \times n_{l-1}}, \; b^{(l)} \in \mathbb{R}^{n_l}, \quad l = 1, \dots, L
x \in \mathbb{R}^{n_0}, y \in \mathbb{R}^{n_L}
a^{(0)} = x
z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)}, \quad a^{(l)} = g(z^{(l)})
J = \frac{1}{2} \|a^{(L)} - y\|^2
\delta^{(l)} := \frac{\partial J}{\partial z^{(l)}}
\delta^{(L)} = (a^{(L)} - y) \odot g'(z^{(L)})
\delta^{(l)} = (W^{(l+1)})^\top \delta^{(l+1)} \odot g'(z^{(l)})
\frac{\partial J}{\partial W^{(l)}} = \delta^{(l)} (a^{(l-1)})^\top
\frac{\partial J}{\partial b^{(l)}} = \delta^{(l)}
"""
# CS231n's style: rows are examples, `dZ` is a name.
ROWS = r"""
X \in \mathbb{R}^{N \times d}, W_1 \in \mathbb{R}^{d \times h}, b_1 \in \mathbb{R}^{h}, W_2 \in \mathbb{R}^{h \times c}, b_2 \in \mathbb{R}^{c}
Y \in \mathbb{R}^{N \times c}
Y \mathbf{1} = \mathbf{1}
Z_1 = X W_1 + b_1
A_1 = \mathrm{ReLU}(Z_1)
Z_2 = A_1 W_2 + b_2
P = \operatorname{softmax}(Z_2)
L = -\frac{1}{N} \sum_{i=1}^N \sum_{j=1}^c Y_{ij} \log P_{ij}
dZ_2 = \frac{1}{N} (P - Y)
dW_2 = A_1^T dZ_2
db_2 = dZ_2^T \mathbf{1}
dA_1 = dZ_2 W_2^T
dZ_1 = dA_1 \odot \mathbf{1}[Z_1 > 0]
dW_1 = X^T dZ_1
"""
SOFTMAX = r"""
z, y \in \mathbb{R}^K
p_i = \frac{e^{z_i}}{\sum_{j} e^{z_j}}
L = -\sum_{i} y_i \log p_i
\sum_i y_i = 1
\frac{\partial L}{\partial z_i} = p_i - y_i
"""
ENTRIES = r"""
z_j = \sum_k w_{jk} x_k + b_j
a_j = \sigma(z_j)
C = \frac{1}{2} \sum_j (a_j - y_j)^2
\frac{\partial C}{\partial w_{jk}} = (a_j - y_j) \sigma'(z_j) x_k
\frac{\partial C}{\partial w} = ((a - y) \odot \sigma'(z)) x^T
\frac{\partial C}{\partial x_k} = \sum_j w_{jk} \delta_j
"""
LSTM = r"""
x_t \in \mathbb{R}^{n}, h_{t-1}, c_{t-1} \in \mathbb{R}^{m}
W_f, W_i \in \mathbb{R}^{m \times n}, U_f, U_i \in \mathbb{R}^{m \times m}, b_f, b_i \in \mathbb{R}^m
f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f)
i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i)
c_t = f_t * c_{t-1} + i_t * \tanh(W_i x_t)
L = \sum_j c_{t,j}^2
\frac{\partial L}{\partial c_t} = 2 c_t
\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot c_{t-1}
\frac{\partial L}{\partial U_f} = \left( \frac{\partial L}{\partial f_t} \odot f_t \odot (1 - f_t)\right) h_{t-1}^T
"""
ATTENTION = r"""
Q, K, V \in \mathbb{R}^{n \times d}, G \in \mathbb{R}^{n \times d}
S = \frac{Q K^T}{\sqrt{d}}, \quad P = \operatorname{softmax}(S), \quad O = P V
L = \operatorname{tr}(G^T O)
dO = G
dV = P^T dO
dP = dO V^T
dS = P \circ (dP - \operatorname{rowsum}(P \circ dP) \mathbf{1}^\top)
dQ = \frac{1}{\sqrt{d}} dS K
"""
LOGISTIC = r"""
x, w \in \mathbb{R}^n, b, y \in \mathbb{R}
g(z) = \frac{1}{1+e^{-z}}
z = w^T x + b
\hat{y} = g(z)
L(\hat y, y) = -(y \log \hat{y} + (1-y)\log(1-\hat{y}))
\frac{\partial L}{\partial w} = (\hat{y} - y) x
\frac{dL}{dz} = \hat y - y
g'(z) = g(z)(1 - g(z))
"""
UNICODE = """
x ∈ ℝ^n, W ∈ ℝ^{m×n}, y ∈ ℝ^m
z = W x
ŷ = σ(z)
L = ½ ‖ŷ − y‖²
δ = (ŷ − y) ⊙ ŷ ⊙ (1 − ŷ)
∂L/∂W = δ xᵀ
∂L/∂x = Wᵀ δ
""".replace("²", "^2")
OCTAVE = r"""
X \in \mathbb{R}^{m \times n}, y \in \mathbb{R}^m, theta \in \mathbb{R}^n, lambda \in \mathbb{R}
h = sigmoid(X*theta)
J = (1/m) * sum(-y .* log(h) - (1-y) .* log(1-h)) + (lambda/(2*m)) * theta' * theta
grad = (1/m) * X' * (h - y) + (lambda/m) * theta
"""
RIDGE = r"""
X \in \mathbb{R}^{m \times n}, y \in \mathbb{R}^m, w \in \mathbb{R}^n, \lambda \in \mathbb{R}
J(w) = \|Xw - y\|_2^2 + \lambda \|w\|_2^2
\nabla_w J = 2X^\top(Xw - y) + 2\lambda w
\nabla J(w) = 2X^\top(Xw - y) + 2\lambda w
"""
INVERSE = r"""
X \in \mathbb{R}^{n \times n}, a, b \in \mathbb{R}^{n}
f = a^T X^{-1} b
\frac{\partial f}{\partial X} = -X^{-T} a b^T X^{-T}
"""
LAWS = r"""
A \circ B = B \circ A
(A \circ B) \circ C = A \circ (B \circ C)
A \circ (B + C) = A \circ B + A \circ C
(cA) \circ B = c (A \circ B)
x^T (A \circ B) y = \operatorname{tr}(D_x A D_y B^T)
"""
BATCH_NORM = r"""
x_i \in \mathbb{R}, \quad i = 1, \dots, m
\gamma, \beta, \epsilon \in \mathbb{R}
\epsilon > 0
\mu = \frac{1}{m} \sum_{i=1}^m x_i
\sigma^2 = \frac{1}{m} \sum_{i=1}^m (x_i - \mu)^2
\hat{x}_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}}
y_i = \gamma \hat{x}_i + \beta
\ell = \sum_i y_i^3
\frac{\partial \ell}{\partial \hat{x}_i} = \frac{\partial \ell}{\partial y_i} \cdot \gamma
\frac{\partial \ell}{\partial \sigma^2} = \sum_{i=1}^m \frac{\partial \ell}{\partial \hat x_i} \cdot (x_i - \mu) \cdot \frac{-1}{2} (\sigma^2 + \epsilon)^{-3/2}
\frac{\partial \ell}{\partial \gamma} = \sum_{i=1}^m \frac{\partial \ell}{\partial y_i} \cdot \hat x_i
"""
EXAMPLES = r"""
X \in \mathbb{R}^{m \times n}, y \in \mathbb{R}^m, \theta \in \mathbb{R}^n
h_\theta(x) = g(\theta^T x)
g(z) = \frac{1}{1 + e^{-z}}
J(\theta) = -\frac{1}{m} \sum_{i=1}^{m} \left[ y^{(i)} \log h_\theta(x^{(i)}) + (1 - y^{(i)}) \log (1 - h_\theta(x^{(i)})) \right]
\frac{\partial J(\theta)}{\partial \theta_j} = \frac{1}{m} \sum_{i=1}^m \left( h_\theta(x^{(i)}) - y^{(i)} \right) x_j^{(i)}
\nabla_\theta J = \frac{1}{m} X^T (g(X\theta) - y)
"""
UNNAMED = r"""
W_1 \in \mathbb{R}^{h \times d}, W_2 \in \mathbb{R}^{c \times h}, b_1 \in \mathbb{R}^h, b_2 \in \mathbb{R}^c, x \in \mathbb{R}^d, y \in \mathbb{R}^c
z_1 = W_1 x + b_1, \quad h = f(z_1), \quad z_2 = W_2 h + b_2, \quad \hat{y} = \mathrm{softmax}(z_2)
\mathbf{1}^\top y = 1
J = -\sum_i y_i \log \hat{y}_i
\delta_2 = \hat{y} - y
\delta_1 = (W_2^T \delta_2) \circ f'(z_1)
\frac{\partial J}{\partial W_2} = \delta_2 h^T
\frac{\partial J}{\partial W_1} = \delta_1 x^T
"""
BASIS = r"""
\mathbf{w} \in \mathbb{R}^M, \boldsymbol{\Phi} \in \mathbb{R}^{N \times M}, \mathbf{t} \in \mathbb{R}^N
E(\mathbf{w}) = \frac{1}{2} \sum_{n=1}^N \{ t_n - \mathbf{w}^T \boldsymbol{\phi}_n \}^2
\nabla E(\mathbf{w}) = -\sum_{n=1}^N (t_n - \mathbf{w}^T \boldsymbol{\phi}_n) \boldsymbol{\phi}_n
\nabla E = \boldsymbol{\Phi}^T (\boldsymbol{\Phi} \mathbf{w} - \mathbf{t})
"""
COOKBOOK = r"""
X, A, B \in \mathbb{R}^{n \times n}, a, b \in \mathbb{R}^n
\frac{\partial a^T X b}{\partial X} = a b^T
\frac{\partial \operatorname{tr}(A X B)}{\partial X} = A^T B^T
\frac{\partial a^T x}{\partial x} = a
\nabla_X \operatorname{tr}(X^T A X) = (A + A^T) X
"""
TIME = r"""
h_0 \in \mathbb{R}^m, x_1, x_2 \in \mathbb{R}^n, W \in \mathbb{R}^{m \times n}, U \in \mathbb{R}^{m\times m}, y \in \mathbb{R}^m
a_1 = W x_1 + U h_0, \quad h_1 = \tanh(a_1)
a_2 = W x_2 + U h_1, \quad h_2 = \tanh(a_2)
L = \frac12 \|h_2 - y\|^2
\delta_2 = (h_2 - y) \odot (1 - h_2^2)
\delta_1 = U^T \delta_2 \odot (1 - h_1^2)
\frac{\partial L}{\partial U} = \delta_2 h_1^T + \delta_1 h_0^T
\frac{\partial L}{\partial W} = \sum_{t=1}^{2} \delta_t x_t^T
"""
LINE = r"""
\text{MSE} = \frac{1}{n} \sum_{i=1}^n (y_i - (m x_i + b))^2
\frac{\partial\, \text{MSE}}{\partial m} = \frac{-2}{n} \sum_{i=1}^n x_i (y_i - (m x_i + b))
\frac{\partial\, \text{MSE}}{\partial b} = \frac{-2}{n} \sum_{i=1}^n (y_i - (m x_i + b))
"""
RIGHT = {name: text for name, text in list(globals().items()) if name.isupper() and isinstance(text, str)}

# A question-and-answer thread about the Hadamard product (3 inputs, 4 hidden units, 2 outputs), as it stands there.
THREAD = r"""
$x \in \mathbb{R}^{3}, w \in \mathbb{R}^{3 \times 4}, v \in \mathbb{R}^{4 \times 2}, b \in \mathbb{R}^2$
$h = \sigma(w^T x)$
$\hat{y} = \sigma(v^T h + b)$
$[x_1, x_2, x_3]$
$[y_1, y_2]$
$\begin{bmatrix} x_1&x_2&x_3 \end{bmatrix} * \begin{bmatrix} w_{1,1} & w_{1,2} & w_{1,3} & w_{1,4}\\ w_{2,1} & w_{2,2} & w_{2,3} & w_{2,4}\\ w_{3,1} & w_{3,2} & w_{3,3} & w_{3,4} \end{bmatrix} = \begin{bmatrix} h'_1 & h'_2 & h'_3 & h'_4 \end{bmatrix}$
$\begin{bmatrix} h_1 & h_2 & h_3 & h_4 \end{bmatrix} = \frac{1}{1+e^{\begin{bmatrix} -h'_1 & -h'_2 & -h'_3 & -h'_4 \end{bmatrix}}}$
$v^{new} = v^{old} - \eta \frac{\partial C}{\partial v}$
$\frac{\partial C}{\partial \hat{y}} = \hat{y} - y$
$\frac{\partial \hat{y}}{\partial v} = \frac{1}{1+exp(v^Th + b)} \circ (1 - \frac{1}{1+exp(v^Th + b)})$
$\begin{bmatrix} v_{1,1} & v_{2,1} & v_{3,1} & v_{4,1}\\ v_{1,2} & v_{2,2} & v_{3,2} & v_{4,2} \end{bmatrix} * \begin{bmatrix} h_{1} \\ h_{2} \\ h_{3} \\ h_{4} \end{bmatrix} = \begin{bmatrix} \sum v_{i,1} * h_{i} \\ \sum v_{i,2} * h_{i} \end{bmatrix}$
$\frac{\partial C}{\partial \hat{y}} = \hat{y} - y = \begin{bmatrix} \hat{y}_1\\ \hat{y}_2 \end{bmatrix} - \begin{bmatrix} y_1\\ y_2 \end{bmatrix} = \begin{bmatrix} \hat{y}_1 - y_1\\ \hat{y}_2 - y_2 \end{bmatrix}$
$\frac{\partial C}{\partial v} = \frac{\partial C}{\partial \hat{y}} \circ \frac{\partial \hat{y}}{\partial v}$
"""
