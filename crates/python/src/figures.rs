//! Saves figures that a script only shows, with a matplotlib backend of redraft's own.

use redraft_files::{self as files, FileError};
use std::path::PathBuf;
use tempfile::TempDir;

/// The backend's name for matplotlib.
pub(super) const BACKEND: &str = "module://redraft_figures";

/// Draws like matplotlib's backend without a display. `show` saves the figures in the run folder,
/// under the next free number.
const MODULE: &str = "\
import os
from matplotlib import pyplot
from matplotlib._pylab_helpers import Gcf
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas, FigureManagerBase


class FigureManager(FigureManagerBase):
    pass


def show(*args, **kwargs):
    for manager in Gcf.get_all_fig_managers():
        number = 1
        while os.path.exists(f'figure_{number}.png'):
            number += 1
        manager.canvas.figure.savefig(f'figure_{number}.png')
    pyplot.close('all')
";

/// Creates a temporary folder with the backend's module. The path is valid while the `TempDir`
/// lives.
pub(super) fn folder() -> Result<(TempDir, PathBuf), FileError> {
    let temporary = files::temporary_folder()?;
    let folder = files::put_for_all(&temporary, "redraft_figures.py", MODULE)?;
    Ok((temporary, folder))
}
