//! Building blocks of models: norms, and the weight matrices of the file.

use super::gguf::Gguf;
use candle_core::quantized::{QTensor, QuantizedType};
use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::rms_norm;

/// RMS norm.
pub(super) struct Norm {
    weight: Tensor,
    epsilon: f32,
}

impl Norm {
    pub(super) fn load(file: &Gguf, name: &str, epsilon: f32) -> Result<Self> {
        Ok(Self { weight: file.plain(&format!("{name}.weight"))?, epsilon })
    }

    /// The norm of this name, if the file has one.
    pub(super) fn maybe(file: &Gguf, name: &str, epsilon: f32) -> Result<Option<Self>> {
        let there = file.has(&format!("{name}.weight"));
        there.then(|| Self::load(file, name, epsilon)).transpose()
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        rms_norm(x, &self.weight, self.epsilon)
    }
}

/// A weight matrix. Several rows are multiplied with candle's repacked copy of it; a single row
/// with the blocks of the file, which are fewer bytes to read, unless these blocks are slow.
pub(super) struct Matrix {
    arranged: QTensor,
    plain: Option<Box<dyn QuantizedType>>,
    rows: usize,
    columns: usize,
    /// Zero columns that `arranged` has in addition.
    more: usize,
}

impl Matrix {
    pub(super) fn load(file: &Gguf, name: &str) -> Result<Self> {
        let (plain, shape) = file.storage(name)?;
        let (rows, columns) = shape.dims2()?;
        if let Some(arranged) = file.widened(name)? {
            let more = arranged.shape().dims2()?.1 - columns;
            return Ok(Self { arranged, plain: None, rows, columns, more });
        }
        Ok(Self { arranged: file.tensor(name)?, plain: Some(plain), rows, columns, more: 0 })
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if let Some(plain) = self.plain.as_ref().filter(|_| x.elem_count() == self.columns) {
            let x = x.flatten_all()?.to_vec1()?;
            let mut product = vec![0.; self.rows];
            plain.matmul_t((1, self.columns, self.rows), &x, &mut product)?;
            return Tensor::from_vec(product, (1, self.rows), &Device::Cpu);
        }
        if self.more > 0 {
            let x = x.pad_with_zeros(D::Minus1, 0, self.more)?;
            return x.apply_op1_no_bwd(&self.arranged);
        }
        x.apply_op1_no_bwd(&self.arranged)
    }

    /// Rows of the matrix, dequantized.
    pub(super) fn rows_of(&self, ids: &[u32]) -> Result<Tensor> {
        let rows = self.arranged.embedding(&Tensor::new(ids, &Device::Cpu)?)?;
        if self.more > 0 { rows.narrow(D::Minus1, 0, self.columns)?.contiguous() } else { Ok(rows) }
    }
}

/// A matrix and, in some families, a bias.
pub(super) struct Linear {
    weight: Matrix,
    bias: Option<Tensor>,
}

impl Linear {
    pub(super) fn load(file: &Gguf, name: &str) -> Result<Self> {
        let bias = format!("{name}.bias");
        Ok(Self {
            weight: Matrix::load(file, &format!("{name}.weight"))?,
            bias: file.has(&bias).then(|| file.plain(&bias)).transpose()?,
        })
    }

    /// Number of outputs.
    pub(super) fn rows(&self) -> usize {
        self.weight.rows
    }

    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let product = self.weight.forward(x)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}
