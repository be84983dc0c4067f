"""Prediction of classes, masks or signals for files and folders.

A kind of file is one module in `files/` with a subclass of `formats.Format`, which is found by its
place:

    class NiftiFiles(Format):
        suffixes = (".nii", ".nii.gz")

        def read(self, file):                       # one Sample, or several, from one file
            volume = nibabel.load(file)
            yield Sample(file.name, volume.get_fdata(dtype=np.float32)[None], origin=volume.affine)

        # a mask (*spatial), or values (C, *spatial), of one sample
        def write(self, sample, result, out, name):
            path = place(out, "masks", f"{name}.nii.gz")
            nibabel.Nifti1Image(result, sample.origin).to_filename(path)
            return path

The sample is (C, *spatial) in the units of the training data, of any size: `Predictor` batches
samples of the network's size, slides windows over others, averages mirrored copies, and returns a
result of the sample's size. `self.data` is the data config of the training, with its options for
reading files. A file that cannot be used raises `UnfitFileError` with the rule, what the file has
instead, and the remedy; it is listed at the end and the other files are processed.
"""
