//! Access to the numbers of a mapped GGUF file: its tensors, without a copy, and floats in its
//! metadata.

use super::gguf::{Gguf, Info};
use super::workers::{self, Job};
use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::k_quants::{
    BlockQ2K, BlockQ3K, BlockQ4_0, BlockQ4_1, BlockQ4K, BlockQ5_0, BlockQ5_1, BlockQ5K, BlockQ6K,
    BlockQ8_0, matmul, matmul_f16,
};
use candle_core::quantized::{GgmlDType, GgmlType, QStorage, QTensor, QuantizedType};
use candle_core::{CpuStorage, Device, Result, Shape, Tensor, bail};
use half::{bf16, f16};
use memmap2::Mmap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};

/// Data of a tensor, in place in the mapped file.
pub(super) type Numbers = Box<dyn QuantizedType>;

impl Gguf {
    pub(super) fn float(&self, key: &str) -> Option<f64> {
        match *self.get(key)? {
            Value::F32(n) => Some(f64::from(n)),
            Value::F64(n) => Some(n),
            _ => None,
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.infos.contains_key(name)
    }

    /// A tensor whose data stays in the mapped file.
    pub(super) fn tensor(&self, name: &str) -> Result<QTensor> {
        let (storage, shape) = self.storage(name)?;
        QTensor::new(QStorage::Cpu(storage), shape)
    }

    /// Data of a tensor in the mapped file, and its shape.
    pub(super) fn storage(&self, name: &str) -> Result<(Numbers, Shape)> {
        let info = self.info(name)?;
        Ok((self.part(name, info, 0, 1)?, Shape::from(info.shape.as_slice())))
    }

    /// The matrices of a tensor of three dimensions, and the rows and columns of each.
    pub(super) fn parts(&self, name: &str) -> Result<(Vec<Numbers>, (usize, usize))> {
        let info = self.info(name)?;
        let (parts, rows, columns) = Shape::from(info.shape.as_slice()).dims3()?;
        let each = (0..parts).map(|which| self.part(name, info, which, parts));
        Ok((each.collect::<Result<_>>()?, (rows, columns)))
    }

    fn info(&self, name: &str) -> Result<&Info> {
        let Some(info) = self.tensors.infos.get(name) else {
            bail!("the file has no tensor `{name}`");
        };
        let mut used = self.tensors.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(name.to_owned());
        Ok(info)
    }

    /// The first tensor, by name, that was not loaded.
    pub(super) fn left(&self) -> Option<&str> {
        let used = self.tensors.used.lock().unwrap_or_else(PoisonError::into_inner);
        self.tensors.infos.keys().map(String::as_str).filter(|name| !used.contains(*name)).min()
    }

    /// One of `of` equal parts of a tensor's data. Error if it is empty, out of range or of an
    /// unsupported block type.
    fn part(&self, name: &str, info: &Info, which: usize, of: usize) -> Result<Numbers> {
        let count = info.shape.iter().try_fold(1_usize, |all, size| all.checked_mul(*size));
        let count = count.unwrap_or_default() / of;
        if count == 0 {
            bail!("tensor `{name}` has no numbers");
        }
        let from =
            Place { map: &self.map, start: self.tensors.start, offset: info.offset, count, which };
        Ok(match info.kind {
            0 => from.blocks::<f32>()?,
            1 => from.blocks::<f16>()?,
            2 => from.blocks::<BlockQ4_0>()?,
            3 => from.blocks::<BlockQ4_1>()?,
            6 => from.blocks::<BlockQ5_0>()?,
            7 => from.blocks::<BlockQ5_1>()?,
            8 => from.blocks::<BlockQ8_0>()?,
            10 => from.blocks::<BlockQ2K>()?,
            11 => from.blocks::<BlockQ3K>()?,
            12 => from.blocks::<BlockQ4K>()?,
            13 => from.blocks::<BlockQ5K>()?,
            14 => from.blocks::<BlockQ6K>()?,
            30 => from.blocks::<bf16>()?,
            other => bail!(
                "tensor `{name}` is in blocks of a kind ({other}) that can't be computed inside the \
                 program; a build with `--features llama` may know it"
            ),
        })
    }

    /// A small tensor, such as a norm or a bias, dequantized.
    pub(super) fn plain(&self, name: &str) -> Result<Tensor> {
        self.tensor(name)?.dequantize(&Device::Cpu)
    }

    /// Returns the pages that were read so far to the system, while candle repacks the weights for
    /// the first time, so that the file and the repacked weights are not in memory together. Pages
    /// that are needed later are read from the file again.
    pub(super) fn release(&self) {
        #[cfg(unix)]
        // SAFETY: the mapping is of a file and never written to, so no data is lost with its pages.
        #[expect(unsafe_code, reason = "giving pages back is unsafe for mappings that are written")]
        let _ = unsafe { self.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}

/// Maximum size of a file whose weights are converted by `widened`, in bytes: the converted weights
/// take more than its size again.
const SMALL: usize = 1 << 30;

/// `widened` pads columns to a multiple of this.
const WIDE: usize = 256;

/// `widened` needs a number of rows that is a multiple of this.
const TALL: usize = 16;

impl Gguf {
    /// A matrix of a small model as 8-bit blocks, padded with zeros to a multiple of [`WIDE`]
    /// columns: on processors with the instructions for it, candle multiplies these several times
    /// faster than other blocks, or than rows of other lengths. `None` if it would not help.
    pub(super) fn widened(&self, name: &str) -> Result<Option<QTensor>> {
        let (plain, shape) = self.storage(name)?;
        let (rows, columns) = shape.dims2()?;
        let slow = match plain.dtype() {
            GgmlDType::Q4_0 | GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1 => true,
            GgmlDType::Q8_0 => !columns.is_multiple_of(WIDE),
            _ => false,
        };
        if !slow || self.map.len() > SMALL || !rows.is_multiple_of(TALL) || !multiplies_bytes() {
            return Ok(None);
        }
        let width = columns.next_multiple_of(WIDE);
        let in_row = width / BlockQ8_0::BLCK_SIZE;
        let mut blocks = vec![BlockQ8_0::zeros(); rows * in_row];
        let mut wide = vec![0.; width];
        // A few rows at a time: dequantized, all rows are several times the size of the file.
        let numbers: Vec<u32> = (0..u32::try_from(rows)?).collect();
        for (rows_here, blocks) in numbers.chunks(TALL).zip(blocks.chunks_mut(TALL * in_row)) {
            let CpuStorage::F32(plain) = plain.embedding(rows_here, rows, columns)? else {
                return Ok(None);
            };
            for (row, blocks) in plain.chunks_exact(columns).zip(blocks.chunks_exact_mut(in_row)) {
                wide[..columns].copy_from_slice(row);
                BlockQ8_0::from_float(&wide, blocks);
            }
        }
        QTensor::new(QStorage::Cpu(Box::new(blocks)), (rows, width)).map(Some)
    }
}

/// Whether the processor sums products of bytes in one instruction.
fn multiplies_bytes() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        (has!("avx512f") && has!("avx512bw") && has!("avx512vnni"))
            || (has!("avx2") && has!("avxvnni"))
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The blocks of a tensor, or of a part of it, in a mapped file.
struct Mapped<T> {
    map: Arc<Mmap>,
    at: usize,
    blocks: usize,
    kind: PhantomData<fn() -> T>,
}

/// Location of a tensor's data, or of one of its equal parts, in a file.
struct Place<'a> {
    map: &'a Arc<Mmap>,
    /// Offset of the data of all tensors in the file, and of this tensor behind it, in bytes.
    start: usize,
    offset: usize,
    /// Numbers per part, and the index of the part.
    count: usize,
    which: usize,
}

impl Place<'_> {
    fn blocks<T: GgmlType + Send + Sync + 'static>(&self) -> Result<Box<dyn QuantizedType>> {
        if !self.count.is_multiple_of(T::BLCK_SIZE) {
            bail!("{} numbers are no whole blocks of {}", self.count, T::BLCK_SIZE);
        }
        let blocks = self.count / T::BLCK_SIZE;
        let size = blocks.checked_mul(size_of::<T>());
        let at = size.and_then(|size| size.checked_mul(self.which)).and_then(|before| {
            self.start.checked_add(self.offset).and_then(|start| start.checked_add(before))
        });
        let end = at.zip(size).and_then(|(at, size)| at.checked_add(size));
        let (Some(at), Some(..)) = (at, end.filter(|end| *end <= self.map.len())) else {
            bail!("the file ends before its tensors do: it was not fetched whole");
        };
        if !(self.map.as_ptr() as usize + at).is_multiple_of(align_of::<T>()) {
            bail!("the file's tensors are not aligned");
        }
        Ok(Box::new(Mapped::<T> { map: self.map.clone(), at, blocks, kind: PhantomData }))
    }
}

impl<T: GgmlType + Send + Sync + 'static> Mapped<T> {
    fn blocks(&self) -> &[T] {
        let start = self.map[self.at..].as_ptr().cast::<T>();
        // SAFETY: `Place::blocks` checked that the blocks lie within the map and are aligned; a
        // block is plain numbers, for which any bytes are valid; the map lives as long as `self`
        // and is not written.
        #[expect(unsafe_code, reason = "bytes of a file are read as the numbers that they are")]
        unsafe {
            std::slice::from_raw_parts(start, self.blocks)
        }
    }
}

impl<T> Clone for Mapped<T> {
    fn clone(&self) -> Self {
        Self { map: self.map.clone(), kind: PhantomData, ..*self }
    }
}

/// Bytes of the matrix per piece of a product: about ten microseconds of work.
const PIECE: usize = 1 << 16;

/// The product of a matrix with one row of numbers, in pieces of a few rows of the matrix.
struct Product<T: GgmlType> {
    matrix: Mapped<T>,
    /// The row, in the type of blocks that the matrix's blocks are multiplied with.
    numbers: Vec<T::VecDotType>,
    columns: usize,
    /// Blocks per row of the matrix.
    in_row: usize,
    /// Rows per piece.
    step: usize,
    /// Results, one per row, as the bits of an `f32`.
    products: Vec<AtomicU32>,
}

impl<T: GgmlType + Send + Sync + 'static> Product<T> {
    fn new(matrix: Mapped<T>, row: &[f32], rows: usize) -> Self {
        let in_row = row.len().div_ceil(T::BLCK_SIZE);
        let mut numbers =
            vec![T::VecDotType::zeros(); row.len().div_ceil(T::VecDotType::BLCK_SIZE)];
        T::VecDotType::from_float(row, &mut numbers);
        let step = (PIECE / (in_row * size_of::<T>()).max(1)).next_multiple_of(4).max(4);
        let products = (0..rows).map(|_| AtomicU32::new(0)).collect();
        Self { matrix, numbers, columns: row.len(), in_row, step, products }
    }

    /// Whether the size of the matrix matches its rows and columns.
    fn fits(&self) -> bool {
        self.columns.is_multiple_of(T::BLCK_SIZE)
            && self.matrix.blocks == self.in_row * self.products.len()
    }

    fn write_to(&self, row: &mut [f32]) {
        for (number, product) in row.iter_mut().zip(&self.products) {
            *number = f32::from_bits(product.load(Ordering::Relaxed));
        }
    }
}

impl<T: GgmlType + Send + Sync + 'static> Job for Product<T> {
    fn pieces(&self) -> usize {
        self.products.len().div_ceil(self.step)
    }

    fn compute(&self, piece: usize) {
        let Self { columns, in_row, step, ref numbers, .. } = *self;
        let first = piece * step;
        let set = |at: usize, product: f32| {
            self.products[first + at].store(product.to_bits(), Ordering::Relaxed);
        };
        let count = step.min(self.products.len() - first);
        let blocks = &self.matrix.blocks()[first * in_row..][..count * in_row];
        let row = |at: usize| &blocks[at * in_row..][..in_row];
        let whole = count - count % 4;
        for at in (0..whole).step_by(4) {
            let [a, b, c, d] = [row(at), row(at + 1), row(at + 2), row(at + 3)];
            let (a, b, c, d) = T::vec_dot_4(columns, a, b, c, d, numbers);
            [a, b, c, d].into_iter().enumerate().for_each(|(n, product)| set(at + n, product));
        }
        for at in whole..count {
            set(at, T::vec_dot(columns, row(at), numbers));
        }
    }
}

impl<T: GgmlType + Send + Sync + 'static> QuantizedType for Mapped<T> {
    fn dtype(&self) -> GgmlDType {
        T::DTYPE
    }

    fn matmul_t(&self, mkn: (usize, usize, usize), lhs: &[f32], dst: &mut [f32]) -> Result<()> {
        let (count, columns, rows) = mkn;
        if count != 1 {
            return matmul(mkn, lhs, self.blocks(), dst);
        }
        let product = Arc::new(Product::new(self.clone(), lhs, rows));
        if columns != lhs.len() || rows != dst.len() || !product.fits() {
            bail!("a matrix of {rows} rows and {columns} columns is not multiplied with that");
        }
        workers::run(product.clone());
        product.write_to(dst);
        Ok(())
    }

    fn matmul_t_f16(&self, mkn: (usize, usize, usize), lhs: &[f16], dst: &mut [f16]) -> Result<()> {
        matmul_f16(mkn, lhs, self.blocks(), dst)
    }

    fn embedding(&self, ids: &[u32], rows: usize, hidden: usize) -> Result<CpuStorage> {
        let wide = hidden / T::BLCK_SIZE;
        let mut numbers = vec![0.; ids.len() * hidden];
        for (id, numbers) in ids.iter().zip(numbers.chunks_exact_mut(hidden)) {
            let Some(row) = self.blocks().chunks_exact(wide).take(rows).nth(*id as usize) else {
                bail!("there is no token {id}");
            };
            T::to_float(row, numbers);
        }
        Ok(CpuStorage::F32(numbers))
    }

    fn dequantize(&self, count: usize) -> Result<CpuStorage> {
        let mut numbers = vec![0.; count];
        T::to_float(self.blocks(), &mut numbers);
        Ok(CpuStorage::F32(numbers))
    }

    fn storage_size_in_bytes(&self) -> usize {
        size_of_val(self.blocks())
    }

    fn as_ptr(&self) -> *const u8 {
        self.blocks().as_ptr().cast()
    }

    fn block_size(&self) -> usize {
        T::BLCK_SIZE
    }

    fn from_float(&mut self, _: &[f32]) {
        unreachable!("a model's file is not written");
    }

    fn from_float_imatrix(&mut self, _: &[f32], _: &[f32], _: usize) {
        unreachable!("a model's file is not written");
    }

    fn size(&self) -> usize {
        size_of_val(self.blocks())
    }
}
