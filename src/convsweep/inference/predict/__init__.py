"""Prediction: a checkpoint and files or folders to classes, masks or signals; `convsweep predict
--help`.

A kind of file is one module in `files/` with one subclass of `formats.Format`, which is found by
its place:

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

The sample is in the units of the training data, (C, *spatial), of any size: `Predictor` batches
what has the network's size, slides windows over the rest, mirrors, and hands back a result of the
sample's size. `self.data` is the data config that the network was trained with, from where a format
takes how files were read then. A file that cannot be used raises `UnfitFileError` with the rule,
what the file has instead, and the remedy; it is listed at the end and the rest is done.
"""
