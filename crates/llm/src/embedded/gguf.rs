//! A mapped GGUF file: its metadata by name, and the locations of its tensors.
//!
//! candle's reader is not used, because it rejects a whole file for one tensor of an unknown type,
//! which llama.cpp may support.

use candle_core::quantized::gguf_file::Value;
use candle_core::{Result, bail};
use memmap2::Mmap;
use std::collections::HashMap;
use std::path::Path;

/// An open file.
pub(super) struct Gguf {
    metadata: HashMap<String, Value>,
    #[cfg(not(feature = "llama"))]
    pub(super) tensors: Tensors,
    #[cfg(not(feature = "llama"))]
    pub(super) map: std::sync::Arc<Mmap>,
}

/// The tensors of a file.
#[cfg(not(feature = "llama"))]
#[derive(Default)]
pub(super) struct Tensors {
    pub(super) infos: HashMap<String, Info>,
    /// Offset of the tensors' data in the file, in bytes.
    pub(super) start: usize,
    /// Names of the tensors that were loaded.
    pub(super) used: std::sync::Mutex<std::collections::HashSet<String>>,
}

/// Location of one tensor.
#[cfg(not(feature = "llama"))]
pub(super) struct Info {
    /// Number of its block type.
    pub(super) kind: u32,
    /// Dimensions, the slowest-varying first.
    pub(super) shape: Vec<usize>,
    /// Offset of its data behind `Tensors::start`, in bytes.
    pub(super) offset: usize,
}

impl Gguf {
    /// Maps a file and reads its metadata. Error if it is not a GGUF file of version 2 or 3, or
    /// ends early.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path)?;
        // SAFETY: the pages are only read. If another process truncates the file meanwhile, this
        // process ends with a signal, like every program that maps its models.
        #[expect(unsafe_code, reason = "mapping a file is unsafe by its nature")]
        let map = unsafe { Mmap::map(&file) }?;
        let mut rest = Rest(&map);
        if rest.take::<4>()? != *b"GGUF" {
            bail!("it is no GGUF file");
        }
        let version = u32::from_le_bytes(rest.take()?);
        if !matches!(version, 2 | 3) {
            bail!("it is a GGUF file of version {version}, which is not known");
        }
        let (count, keys) = (rest.length()?, rest.length()?);
        let mut metadata = HashMap::new();
        for _ in 0..keys {
            let key = rest.text()?;
            let kind = u32::from_le_bytes(rest.take()?);
            metadata.insert(key, rest.value(kind, 0)?);
        }
        #[cfg(feature = "llama")]
        let _ = count;
        #[cfg(not(feature = "llama"))]
        let tensors = {
            let infos = (0..count).map(|_| rest.info()).collect::<Result<_>>()?;
            let alignment = match metadata.get("general.alignment") {
                Some(Value::U32(alignment)) if *alignment > 0 => *alignment as usize,
                _ => 32,
            };
            let start = (map.len() - rest.0.len()).next_multiple_of(alignment);
            Tensors { infos, start, ..Tensors::default() }
        };
        Ok(Self {
            metadata,
            #[cfg(not(feature = "llama"))]
            tensors,
            #[cfg(not(feature = "llama"))]
            map: std::sync::Arc::new(map),
        })
    }

    /// A metadata value.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        Some(self.get(key)?.to_string().ok()?.as_str())
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        match *self.get(key)? {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// A number that is not negative, of any integer type in the file.
    pub(super) fn number(&self, key: &str) -> Option<usize> {
        let number = match *self.get(key)? {
            Value::U8(n) => u64::from(n),
            Value::U16(n) => u64::from(n),
            Value::U32(n) => u64::from(n),
            Value::U64(n) => n,
            Value::I8(n) => u64::try_from(n).ok()?,
            Value::I16(n) => u64::try_from(n).ok()?,
            Value::I32(n) => u64::try_from(n).ok()?,
            Value::I64(n) => u64::try_from(n).ok()?,
            _ => return None,
        };
        usize::try_from(number).ok()
    }

    pub(super) fn list(&self, key: &str) -> Option<&[Value]> {
        match self.get(key)? {
            Value::Array(values) => Some(values),
            _ => None,
        }
    }
}

/// Maximum nesting depth of lists.
const DEEPEST: usize = 8;

/// The bytes of a file that were not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((bytes, rest)) = self.0.split_first_chunk() else { return broken_off() };
        self.0 = rest;
        Ok(*bytes)
    }

    /// Reads a number of items. Error if it exceeds the number of remaining bytes, as an item has
    /// at least one.
    fn length(&mut self) -> Result<usize> {
        match usize::try_from(u64::from_le_bytes(self.take()?)) {
            Ok(length) if length <= self.0.len() => Ok(length),
            _ => broken_off(),
        }
    }

    fn text(&mut self) -> Result<String> {
        let length = self.length()?;
        let bytes: &'a [u8] = self.0;
        let (text, rest) = bytes.split_at(length);
        self.0 = rest;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn value(&mut self, kind: u32, depth: usize) -> Result<Value> {
        Ok(match kind {
            0 => Value::U8(u8::from_le_bytes(self.take()?)),
            1 => Value::I8(i8::from_le_bytes(self.take()?)),
            2 => Value::U16(u16::from_le_bytes(self.take()?)),
            3 => Value::I16(i16::from_le_bytes(self.take()?)),
            4 => Value::U32(u32::from_le_bytes(self.take()?)),
            5 => Value::I32(i32::from_le_bytes(self.take()?)),
            6 => Value::F32(f32::from_le_bytes(self.take()?)),
            7 => Value::Bool(self.take::<1>()? != [0]),
            8 => Value::String(self.text()?),
            9 if depth < DEEPEST => {
                let kind = u32::from_le_bytes(self.take()?);
                let length = self.length()?;
                let values = (0..length).map(|_| self.value(kind, depth + 1));
                Value::Array(values.collect::<Result<_>>()?)
            }
            10 => Value::U64(u64::from_le_bytes(self.take()?)),
            11 => Value::I64(i64::from_le_bytes(self.take()?)),
            12 => Value::F64(f64::from_le_bytes(self.take()?)),
            other => bail!("its metadata has a value of a kind ({other}) that is not known"),
        })
    }

    #[cfg(not(feature = "llama"))]
    fn info(&mut self) -> Result<(String, Info)> {
        let name = self.text()?;
        let sizes = u32::from_le_bytes(self.take()?);
        if sizes > 4 {
            bail!("its tensor `{name}` has {sizes} sizes");
        }
        let size = |_| Ok(usize::try_from(u64::from_le_bytes(self.take()?))?);
        let mut shape = (0..sizes).map(size).collect::<Result<Vec<_>>>()?;
        shape.reverse();
        let kind = u32::from_le_bytes(self.take()?);
        let offset = usize::try_from(u64::from_le_bytes(self.take()?))?;
        Ok((name, Info { kind, shape, offset }))
    }
}

fn broken_off<T>() -> Result<T> {
    bail!("the file ends before its metadata does: it was not fetched whole")
}
